"""The encoders of Point-MAE and Point-BERT, and their pre-training."""
