"""What is claimed in figures is measured here."""
