"""Pages for people who were not there: one HTML file each, which needs neither network nor script."""
