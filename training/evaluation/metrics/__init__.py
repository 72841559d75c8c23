"""The literature's figures: what is computed of a model's answers, whoever gave them.

retrieval   ranks and recall
captioning  BLEU, CIDEr, METEOR, SPICE
treebank    the words that captions are compared by
vqa         accuracy against ten annotators; exact matches for questions about videos
nlvr2       accuracy and consistency
"""
