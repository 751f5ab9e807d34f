"""What leaves the device as pictures: live outputs, encoded while somebody looks."""
