terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "package" {
  description = "The zip that the function is created with. Later ones come by `bluegreen deploy`."
  type        = string
  default     = "build/shop.zip"
}

resource "aws_iam_role" "shop" {
  name_prefix = "shop-"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_role_policy_attachment" "shop_logs" {
  role       = aws_iam_role.shop.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

# Terraform owns the settings. `bluegreen deploy` owns the code, and publishes the versions after the first.
resource "aws_lambda_function" "shop" {
  function_name = "Shop"
  role          = aws_iam_role.shop.arn
  handler       = "index.handler"
  runtime       = "nodejs22.x"
  architectures = ["arm64"]
  timeout       = 10
  filename      = var.package
  publish       = true

  # Terraform takes a tag away that it does not know, and the deployer may touch no function without this one.
  tags = { "bluegreen:managed" = "true" }

  lifecycle {
    ignore_changes = [filename, source_code_hash, s3_bucket, s3_key, s3_object_version, image_uri]
  }
}

# Terraform owns that there is an alias. The deployer owns where it points.
resource "aws_lambda_alias" "prod" {
  name             = "PROD"
  function_name    = aws_lambda_function.shop.function_name
  function_version = aws_lambda_function.shop.version

  lifecycle {
    ignore_changes = [function_version, routing_config]
  }
}

# Callers name the alias.
resource "aws_lambda_function_url" "shop" {
  function_name      = aws_lambda_function.shop.function_name
  qualifier          = aws_lambda_alias.prod.name
  authorization_type = "AWS_IAM"
}

output "url" {
  value = aws_lambda_function_url.shop.function_url
}
