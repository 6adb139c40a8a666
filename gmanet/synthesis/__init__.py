"""Normal cloud -> labelled abnormal twin (Section IV.B)."""
