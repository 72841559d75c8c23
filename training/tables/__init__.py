"""The tables of BLIP's CapFilt (arXiv 2201.12086, Tables 1 to 4, 12 and 13) at desk scale."""
