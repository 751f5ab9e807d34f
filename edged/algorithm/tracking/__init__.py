"""Following objects from run to run: pure machinery, which knows neither frames nor MQTT."""
