"""`edged analyze`: the same jobs over files, as fast as the machine allows."""
