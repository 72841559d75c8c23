"""What training and evaluation read: samples, wherever they lie."""
