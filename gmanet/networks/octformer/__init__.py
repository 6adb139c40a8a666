"""OctFormer [Wang, ACM TOG 2023]: attention in windows of an octree's leaves in turn."""
