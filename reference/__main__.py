"""`python -m reference`: write the schemas of docs/, and the tables of all fields on its pages, anew."""

from reference.fields import RELEASE, REQUEST

for each in (REQUEST, RELEASE):
    each.file.write_text(each.schema_as_text)
    each.page.write_text(each.page_as_text)
