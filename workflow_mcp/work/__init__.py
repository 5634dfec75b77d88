"""Work items: values, rules and the records of export and import. Free of SQLAlchemy and FastMCP."""
