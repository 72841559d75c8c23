"""CapFilt (arXiv 2201.12086, section 4): a corpus in the database that cleans itself."""
