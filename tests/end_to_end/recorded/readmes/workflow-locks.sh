lockcli --api-endpoint URL [get|create|delete|release] [command parameters]
