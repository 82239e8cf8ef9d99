curl -X POST http://localhost:8080/lease \
     -H "Content-Type: application/json" \
     -H "x-lease-ttl: 60s" \
     -d '{"key": "value"}'
###
curl -X POST http://localhost:8080/keepalive \
     -H "Content-Type: application/json" \
     -d "12345"
###
curl -X GET http://localhost:8080/health
###
curl -X POST http://localhost:8080/lease \
     -H "Content-Type: application/json" \
     -H "x-lease-ttl: 60s" \
     -d '{"key": "value"}'
