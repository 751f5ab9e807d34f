"""MQTT: topics and payloads (pure), the client, and the embedded broker in a process of its own."""
