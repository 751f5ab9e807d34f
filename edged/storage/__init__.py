"""What must outlive the daemon: a database in a thread of its own, and files that are replaced whole."""
