"""BLIP on this machine: artifacts, graphs, tokenizer, inference. Neither database nor torch.

Private: it may change in any release.
"""
