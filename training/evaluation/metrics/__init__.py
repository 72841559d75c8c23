"""The literature's figures, computed from any model's answers.

retrieval   ranks and recall
captioning  BLEU, CIDEr, METEOR, SPICE
treebank    the words that captions are compared by
vqa         accuracy against ten annotators; exact matches for questions about videos
nlvr2       accuracy and consistency
"""
