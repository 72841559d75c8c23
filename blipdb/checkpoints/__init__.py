"""Published BLIP checkpoints, Hugging Face's or Salesforce's, as blipdb's artifacts.

names      one set of names for every weight
weights    reading files of weights, without running anything in them
describe   sizes of the architecture, from the weights themselves
vocabulary BERT's tokenizer with BLIP's two tokens
convert    a folder or file into an artifact
"""
