"""Published BLIP checkpoints, Hugging Face's or Salesforce's, as blipdb's artifacts, and back.

names      one set of names for every weight
weights    reading files of weights, without running anything in them
kinds      which roles the weights can have; what a checkpoint is that is no BLIP
describe   sizes of the architecture, from the weights themselves
vocabulary BERT's tokenizer with BLIP's two tokens
convert    a folder or file into an artifact
export     an artifact into a folder that transformers loads
hub        one commit of a repository, fetched and checked
add        whatever it is, into the database and the home

Private: it may change in any release.
"""
