"""Email over SMTP: composing (mime), the meaning of answers (reasons), connections and the channel."""
