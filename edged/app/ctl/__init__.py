"""`edged ctl`: what a person tells a device over MQTT, and what it answers."""
