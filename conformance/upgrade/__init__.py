"""An older version and this one side by side on one database, under load: ``make upgrade-proof``."""
