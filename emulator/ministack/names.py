"""What HealthImaging is called in MiniStack, IAM and CloudWatch."""

SERVICE = "medical-imaging"
NAMESPACE = "AWS/HealthImaging"
PRINCIPAL = "medical-imaging.amazonaws.com"
