"""Where the projects' work is kept. SQLAlchemy is imported by the modules that need it, never by the package."""
