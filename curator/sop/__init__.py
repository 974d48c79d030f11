"""Web pages and documents to SOP rows: read, structured, flattened; offline and verbatim."""
