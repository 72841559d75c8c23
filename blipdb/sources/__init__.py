"""Sources of images and captions: files, URLs, stored content, attached tables, sidecars."""
