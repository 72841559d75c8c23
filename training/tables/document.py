"""placeholder"""
from pathlib import Path
from .run import Place
def write_document(place: Place, docs: Path) -> None: ...
