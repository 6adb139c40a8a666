"""The encoders of Point-MAE and Point-BERT, and how they are pre-trained."""
