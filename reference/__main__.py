"""`python -m reference`: write docs/request.schema.json, and the table of all fields in docs/request.md, anew."""

from reference.fields import PAGE, SCHEMA, page_with, schema_as_text

SCHEMA.write_text(schema_as_text())
PAGE.write_text(page_with(PAGE.read_text()))
