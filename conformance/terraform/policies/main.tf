# A group that follows load: policies of every kind, the alarms that act on them, a dashboard. Only the endpoints and the keys
# are Coppice's.
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

variable "target" {
  type    = number
  default = 60
}

variable "step" {
  type    = number
  default = 1
}

variable "enabled" {
  type    = bool
  default = true
}

provider "aws" {
  region = "us-east-1"

  default_tags {
    tags = { stack = var.mark }
  }

  endpoints {
    autoscaling = var.endpoint
    cloudwatch  = var.endpoint
    ec2         = var.endpoint
    iam         = var.endpoint
    sns         = var.endpoint
    sts         = var.endpoint
  }
}

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
  name                    = "${var.mark}-web"
  min_size                = 0
  max_size                = 4
  availability_zones      = ["us-east-1a"]
  default_instance_warmup = 120

  launch_template {
    id      = aws_launch_template.web.id
    version = "$Latest"
  }
}

resource "aws_autoscaling_policy" "simple" {
  name                   = "simple"
  autoscaling_group_name = aws_autoscaling_group.web.name
  adjustment_type        = "ChangeInCapacity"
  scaling_adjustment     = -var.step
  cooldown               = 300
}

resource "aws_autoscaling_policy" "exact" {
  name                   = "exact"
  autoscaling_group_name = aws_autoscaling_group.web.name
  policy_type            = "SimpleScaling"
  adjustment_type        = "ExactCapacity"
  scaling_adjustment     = 0
  enabled                = var.enabled
}

resource "aws_autoscaling_policy" "step" {
  name                      = "step"
  autoscaling_group_name    = aws_autoscaling_group.web.name
  policy_type               = "StepScaling"
  adjustment_type           = "PercentChangeInCapacity"
  min_adjustment_magnitude  = var.step
  metric_aggregation_type   = "Maximum"
  estimated_instance_warmup = 90

  step_adjustment {
    metric_interval_lower_bound = 0
    metric_interval_upper_bound = 15.5
    scaling_adjustment          = 10 * var.step
  }

  step_adjustment {
    metric_interval_lower_bound = 15.5
    scaling_adjustment          = 40
  }
}

resource "aws_autoscaling_policy" "predefined" {
  name                   = "predefined"
  autoscaling_group_name = aws_autoscaling_group.web.name
  policy_type            = "TargetTrackingScaling"
  enabled                = var.enabled

  target_tracking_configuration {
    target_value     = var.target
    disable_scale_in = !var.enabled

    predefined_metric_specification {
      predefined_metric_type = "ASGAverageCPUUtilization"
    }
  }
}

resource "aws_autoscaling_policy" "customized" {
  name                   = "customized"
  autoscaling_group_name = aws_autoscaling_group.web.name
  policy_type            = "TargetTrackingScaling"

  target_tracking_configuration {
    target_value = var.target + 0.5

    customized_metric_specification {
      namespace   = "Web"
      metric_name = "Requests"
      statistic   = "Average"
      unit        = "Count"

      metric_dimension {
        name  = "group"
        value = aws_autoscaling_group.web.name
      }

      metric_dimension {
        name  = "kind"
        value = "read"
      }
    }
  }
}

resource "aws_autoscaling_policy" "math" {
  name                      = "math"
  autoscaling_group_name    = aws_autoscaling_group.web.name
  policy_type               = "TargetTrackingScaling"
  estimated_instance_warmup = 60

  target_tracking_configuration {
    target_value = var.target

    customized_metric_specification {
      metrics {
        id          = "waiting"
        label       = "what waits"
        return_data = false

        metric_stat {
          stat = "Sum"

          metric {
            namespace   = "AWS/SQS"
            metric_name = "ApproximateNumberOfMessagesVisible"

            dimensions {
              name  = "QueueName"
              value = var.mark
            }
          }
        }
      }

      metrics {
        id          = "serving"
        return_data = false

        metric_stat {
          stat = "Average"

          metric {
            namespace   = "AWS/AutoScaling"
            metric_name = "GroupInServiceInstances"

            dimensions {
              name  = "AutoScalingGroupName"
              value = aws_autoscaling_group.web.name
            }
          }
        }
      }

      metrics {
        id          = "each"
        label       = "waiting for each"
        expression  = "waiting / serving"
        return_data = true
      }
    }
  }
}

resource "aws_autoscaling_policy" "pair" {
  name                   = "pair"
  autoscaling_group_name = aws_autoscaling_group.web.name
  policy_type            = "PredictiveScaling"

  predictive_scaling_configuration {
    mode                         = var.enabled ? "ForecastOnly" : "ForecastAndScale"
    scheduling_buffer_time       = 60 * var.step
    max_capacity_breach_behavior = "IncreaseMaxCapacity"
    max_capacity_buffer          = 10

    metric_specification {
      target_value = var.target

      predefined_metric_pair_specification {
        predefined_metric_type = "ASGCPUUtilization"
      }
    }
  }
}

resource "aws_autoscaling_policy" "two" {
  name                   = "two"
  autoscaling_group_name = aws_autoscaling_group.web.name
  policy_type            = "PredictiveScaling"

  predictive_scaling_configuration {
    metric_specification {
      target_value = var.target

      predefined_scaling_metric_specification {
        predefined_metric_type = "ASGAverageCPUUtilization"
      }

      predefined_load_metric_specification {
        predefined_metric_type = "ASGTotalCPUUtilization"
      }
    }
  }
}

resource "aws_autoscaling_policy" "own" {
  name                   = "own"
  autoscaling_group_name = aws_autoscaling_group.web.name
  policy_type            = "PredictiveScaling"

  predictive_scaling_configuration {
    metric_specification {
      target_value = var.target

      customized_scaling_metric_specification {
        metric_data_queries {
          id          = "load"
          expression  = "SUM(SEARCH('{Web,group} MetricName=\"Load\" ${var.mark}', 'Average', 300))"
          return_data = false
        }

        metric_data_queries {
          id         = "each"
          expression = "load / ${var.step}"
          label      = "load of each"
        }
      }

      customized_load_metric_specification {
        metric_data_queries {
          id = "requests"

          metric_stat {
            stat = "Sum"
            unit = "Count"

            metric {
              namespace   = "Web"
              metric_name = "Requests"

              dimensions {
                name  = "group"
                value = aws_autoscaling_group.web.name
              }
            }
          }
        }
      }

      customized_capacity_metric_specification {
        metric_data_queries {
          id = "capacity"

          metric_stat {
            stat = "Average"

            metric {
              namespace   = "AWS/AutoScaling"
              metric_name = "GroupInServiceInstances"

              dimensions {
                name  = "AutoScalingGroupName"
                value = aws_autoscaling_group.web.name
              }
            }
          }
        }
      }
    }
  }
}

resource "aws_sns_topic" "alarms" {
  name = "${var.mark}-alarms"
}

resource "aws_cloudwatch_metric_alarm" "high" {
  alarm_name                = "${var.mark}-high"
  alarm_description         = "more than ${var.target}"
  namespace                 = "AWS/EC2"
  metric_name               = "CPUUtilization"
  dimensions                = { AutoScalingGroupName = aws_autoscaling_group.web.name }
  statistic                 = "Average"
  period                    = 60
  evaluation_periods        = 3
  datapoints_to_alarm       = 2
  comparison_operator       = "GreaterThanOrEqualToThreshold"
  threshold                 = var.target
  treat_missing_data        = "notBreaching"
  actions_enabled           = var.enabled
  alarm_actions             = [aws_autoscaling_policy.step.arn, aws_sns_topic.alarms.arn]
  ok_actions                = [aws_sns_topic.alarms.arn]
  insufficient_data_actions = []
}

resource "aws_cloudwatch_metric_alarm" "slow" {
  alarm_name                            = "${var.mark}-slow"
  namespace                             = "Web"
  metric_name                           = "Latency"
  extended_statistic                    = "p99.5"
  evaluate_low_sample_count_percentiles = "ignore"
  unit                                  = "Milliseconds"
  period                                = 300
  evaluation_periods                    = var.step
  comparison_operator                   = "LessThanThreshold"
  threshold                             = 0.25
  alarm_actions                         = [aws_autoscaling_policy.simple.arn]
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name          = "${var.mark}-errors"
  evaluation_periods  = 2
  comparison_operator = "GreaterThanThreshold"
  threshold           = 10 * var.step

  metric_query {
    id          = "rate"
    expression  = "100 * failed / all"
    label       = "errors in a hundred"
    return_data = true
  }

  metric_query {
    id = "failed"

    metric {
      namespace   = "Web"
      metric_name = "Failed"
      period      = 60
      stat        = "Sum"
      unit        = "Count"
      dimensions  = { group = aws_autoscaling_group.web.name }
    }
  }

  metric_query {
    id = "all"

    metric {
      namespace   = "Web"
      metric_name = "Requests"
      period      = 60
      stat        = "Sum"
      dimensions  = { group = aws_autoscaling_group.web.name }
    }
  }
}

resource "aws_cloudwatch_composite_alarm" "bad" {
  alarm_name        = "${var.mark}-bad"
  alarm_description = "errors, and slow or loaded ${var.target}"
  actions_enabled   = var.enabled
  alarm_actions     = [aws_sns_topic.alarms.arn]
  ok_actions        = [aws_sns_topic.alarms.arn]

  alarm_rule = "ALARM(\"${aws_cloudwatch_metric_alarm.errors.alarm_name}\") AND (ALARM(${aws_cloudwatch_metric_alarm.high.arn}) OR NOT OK(${aws_cloudwatch_metric_alarm.slow.alarm_name}))"

  actions_suppressor {
    alarm            = aws_cloudwatch_metric_alarm.high.alarm_name
    extension_period = 10 * var.step
    wait_period      = 20
  }
}

resource "aws_cloudwatch_dashboard" "web" {
  dashboard_name = "${var.mark}-web"

  dashboard_body = jsonencode({
    widgets = [{
      type   = "metric"
      x      = 0
      y      = 0
      width  = 12
      height = 6 * var.step

      properties = {
        metrics = [["AWS/EC2", "CPUUtilization", "AutoScalingGroupName", aws_autoscaling_group.web.name]]
        period  = 60
        region  = "us-east-1"
        stat    = "Average"
        title   = "load of ${var.mark}"
      }
    }]
  })
}

output "group" {
  value = aws_autoscaling_group.web.name
}

output "mark" {
  value = var.mark
}

output "import" {
  value = merge(
    {
      for name in ["exact", "step", "simple", "predefined", "customized", "math", "pair", "two", "own"] :
      "aws_autoscaling_policy.${name}" => "${aws_autoscaling_group.web.name}/${name}"
    },
    {
      "aws_cloudwatch_metric_alarm.high"   = aws_cloudwatch_metric_alarm.high.alarm_name
      "aws_cloudwatch_metric_alarm.slow"   = aws_cloudwatch_metric_alarm.slow.alarm_name
      "aws_cloudwatch_metric_alarm.errors" = aws_cloudwatch_metric_alarm.errors.alarm_name
      "aws_cloudwatch_composite_alarm.bad" = aws_cloudwatch_composite_alarm.bad.alarm_name
      "aws_cloudwatch_dashboard.web"       = aws_cloudwatch_dashboard.web.dashboard_name
      "aws_sns_topic.alarms"               = aws_sns_topic.alarms.arn
    },
  )
}
