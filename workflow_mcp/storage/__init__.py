"""The store of the projects' work. Importing the package does not import SQLAlchemy; its modules do."""
