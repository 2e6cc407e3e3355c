"""What tests share: ``from support.speech import recorded``. pytest finds it (setting ``pythonpath``)."""
