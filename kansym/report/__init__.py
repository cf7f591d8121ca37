"""Reports: from records or models to figures and one self-contained HTML file."""
