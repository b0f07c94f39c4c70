# A group whose moves are told: to a topic that a queue hears, and by a rule to the same queue. Only the endpoints and the
# keys are Coppice's.
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0, < 7.0"
    }
  }
}

variable "endpoint" {
  type = string
}

variable "mark" {
  type = string
}

variable "tries" {
  type    = number
  default = 3
}

variable "kinds" {
  type    = list(string)
  default = ["good"]
}

variable "told" {
  type    = list(string)
  default = ["autoscaling:EC2_INSTANCE_LAUNCH"]
}

provider "aws" {
  region = "us-east-1"

  default_tags {
    tags = { stack = var.mark }
  }

  endpoints {
    autoscaling      = var.endpoint
    cloudwatchevents = var.endpoint
    ec2              = var.endpoint
    iam              = var.endpoint
    sns              = var.endpoint
    sqs              = var.endpoint
    sts              = var.endpoint
  }
}

data "aws_caller_identity" "me" {}

data "aws_ami" "image" {
  most_recent = true
  owners      = ["amazon"]

  filter {
    name   = "name"
    values = ["al2023-ami-2*-x86_64"]
  }
}

resource "aws_launch_template" "web" {
  name          = "${var.mark}-web"
  image_id      = data.aws_ami.image.id
  instance_type = "t3.micro"
}

resource "aws_autoscaling_group" "web" {
  name               = "${var.mark}-web"
  min_size           = 0
  max_size           = 1
  availability_zones = ["us-east-1a"]

  launch_template {
    id      = aws_launch_template.web.id
    version = "$Latest"
  }
}

resource "aws_sqs_queue" "dead" {
  name                      = "${var.mark}-dead"
  message_retention_seconds = 1209600
}

resource "aws_sqs_queue" "moves" {
  name                       = "${var.mark}-moves"
  visibility_timeout_seconds = 30
  receive_wait_time_seconds  = 1

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = var.tries
  })
}

resource "aws_sqs_queue_policy" "moves" {
  queue_url = aws_sqs_queue.moves.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "told"
      Effect    = "Allow"
      Principal = { Service = ["events.amazonaws.com", "sns.amazonaws.com"] }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.moves.arn
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.me.account_id } }
    }]
  })
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  queue_url = aws_sqs_queue.dead.id

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.moves.arn]
  })
}

resource "aws_sns_topic" "moves" {
  name         = "${var.mark}-moves"
  display_name = "moves of ${var.mark}, tried ${var.tries} times"
}

resource "aws_sns_topic_policy" "moves" {
  arn = aws_sns_topic.moves.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "owner"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.me.account_id}:root" }
      Action    = ["SNS:Publish", "SNS:Subscribe"]
      Resource  = aws_sns_topic.moves.arn
    }]
  })
}

resource "aws_sns_topic_subscription" "moves" {
  topic_arn            = aws_sns_topic.moves.arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.moves.arn
  raw_message_delivery = true
  filter_policy        = jsonencode({ kind = var.kinds })
}

resource "aws_autoscaling_notification" "web" {
  group_names   = [aws_autoscaling_group.web.name]
  notifications = var.told
  topic_arn     = aws_sns_topic.moves.arn
}

resource "aws_cloudwatch_event_rule" "moves" {
  name        = "${var.mark}-moves"
  description = "launches and ends, tried ${var.tries} times"

  event_pattern = jsonencode({
    source = ["aws.autoscaling"]
    detail = { AutoScalingGroupName = [aws_autoscaling_group.web.name] }
  })
}

resource "aws_cloudwatch_event_target" "queue" {
  rule      = aws_cloudwatch_event_rule.moves.name
  target_id = "queue"
  arn       = aws_sqs_queue.moves.arn
}

output "group" {
  value = aws_autoscaling_group.web.name
}

output "queue" {
  value = aws_sqs_queue.moves.id
}

output "topic" {
  value = aws_sns_topic.moves.arn
}

output "import" {
  value = {
    "aws_sqs_queue.dead"                      = aws_sqs_queue.dead.id
    "aws_sqs_queue.moves"                     = aws_sqs_queue.moves.id
    "aws_sqs_queue_policy.moves"              = aws_sqs_queue.moves.id
    "aws_sqs_queue_redrive_allow_policy.dead" = aws_sqs_queue.dead.id
    "aws_sns_topic.moves"                     = aws_sns_topic.moves.arn
    "aws_sns_topic_policy.moves"              = aws_sns_topic.moves.arn
    "aws_sns_topic_subscription.moves"        = aws_sns_topic_subscription.moves.arn
    "aws_cloudwatch_event_rule.moves"         = "default/${aws_cloudwatch_event_rule.moves.name}"
    "aws_cloudwatch_event_target.queue"       = "${aws_cloudwatch_event_rule.moves.name}/queue"
  }
}
