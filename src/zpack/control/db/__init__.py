"""The database: sessions, tables, migrations. Nothing here knows what the tables are for."""
