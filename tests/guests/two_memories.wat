;; An auth-service with two memories, which Rust can't make. It answers every
;; request with an empty 200, after growing: POST its first memory by 20 MiB, PUT
;; its second, DELETE both. Where it can't grow, it traps.
(component
  (import "wasi:http/types@0.2.0" (instance $types
    (export "incoming-request" (type $incoming-request (sub resource)))
    (export "outgoing-response" (type $outgoing-response (sub resource)))
    (export "response-outparam" (type $response-outparam (sub resource)))
    (export "fields" (type $fields (sub resource)))

    (type $method' (variant
      (case "get") (case "head") (case "post") (case "put") (case "delete")
      (case "connect") (case "options") (case "trace") (case "patch")
      (case "other" string)))
    (export "method" (type $method (eq $method')))
    (type $dns' (record (field "rcode" (option string)) (field "info-code" (option u16))))
    (export "DNS-error-payload" (type $dns (eq $dns')))
    (type $alert' (record (field "alert-id" (option u8)) (field "alert-message" (option string))))
    (export "TLS-alert-received-payload" (type $alert (eq $alert')))
    (type $field-size' (record (field "field-name" (option string)) (field "field-size" (option u32))))
    (export "field-size-payload" (type $field-size (eq $field-size')))
    (type $error-code' (variant
      (case "DNS-timeout")
      (case "DNS-error" $dns)
      (case "destination-not-found")
      (case "destination-unavailable")
      (case "destination-IP-prohibited")
      (case "destination-IP-unroutable")
      (case "connection-refused")
      (case "connection-terminated")
      (case "connection-timeout")
      (case "connection-read-timeout")
      (case "connection-write-timeout")
      (case "connection-limit-reached")
      (case "TLS-protocol-error")
      (case "TLS-certificate-error")
      (case "TLS-alert-received" $alert)
      (case "HTTP-request-denied")
      (case "HTTP-request-length-required")
      (case "HTTP-request-body-size" (option u64))
      (case "HTTP-request-method-invalid")
      (case "HTTP-request-URI-invalid")
      (case "HTTP-request-URI-too-long")
      (case "HTTP-request-header-section-size" (option u32))
      (case "HTTP-request-header-size" (option $field-size))
      (case "HTTP-request-trailer-section-size" (option u32))
      (case "HTTP-request-trailer-size" $field-size)
      (case "HTTP-response-incomplete")
      (case "HTTP-response-header-section-size" (option u32))
      (case "HTTP-response-header-size" $field-size)
      (case "HTTP-response-body-size" (option u64))
      (case "HTTP-response-trailer-section-size" (option u32))
      (case "HTTP-response-trailer-size" $field-size)
      (case "HTTP-response-transfer-coding" (option string))
      (case "HTTP-response-content-coding" (option string))
      (case "HTTP-response-timeout")
      (case "HTTP-upgrade-failed")
      (case "HTTP-protocol-error")
      (case "loop-detected")
      (case "configuration-error")
      (case "internal-error" (option string))))
    (export "error-code" (type $error-code (eq $error-code')))

    (export "[method]incoming-request.method"
      (func (param "self" (borrow $incoming-request)) (result $method)))
    (export "[constructor]fields" (func (result (own $fields))))
    (export "[constructor]outgoing-response"
      (func (param "headers" (own $fields)) (result (own $outgoing-response))))
    (export "[static]response-outparam.set"
      (func
        (param "param" (own $response-outparam))
        (param "response" (result (own $outgoing-response) (error $error-code)))))))

  (alias export $types "incoming-request" (type $incoming-request))
  (alias export $types "response-outparam" (type $response-outparam))

  ;; The first memory stands alone, because the imports below want one.
  (core module $first
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $first (instantiate $first))

  (core func $method
    (canon lower (func $types "[method]incoming-request.method")
      (memory (core memory $first "memory")) (realloc (core func $first "realloc"))))
  (core func $new-fields (canon lower (func $types "[constructor]fields")))
  (core func $new-response (canon lower (func $types "[constructor]outgoing-response")))
  (core func $set
    (canon lower (func $types "[static]response-outparam.set") (memory (core memory $first "memory"))))

  (core module $main
    (import "host" "method" (func $method (param i32 i32)))
    (import "host" "new-fields" (func $new-fields (result i32)))
    (import "host" "new-response" (func $new-response (param i32) (result i32)))
    (import "host" "set" (func $set (param i32 i32 i32 i32 i64 i32 i32 i32 i32)))
    (import "first" "memory" (memory $first 1))
    (memory $second 1)

    (func (export "handle") (param $request i32) (param $outparam i32)
      (local $method i32)
      (call $method (local.get $request) (i32.const 16))
      (local.set $method (i32.load8_u $first (i32.const 16)))
      ;; POST or DELETE
      (if (i32.or (i32.eq (local.get $method) (i32.const 2)) (i32.eq (local.get $method) (i32.const 4)))
        (then (call $must (memory.grow $first (i32.const 320)))))
      ;; PUT or DELETE
      (if (i32.or (i32.eq (local.get $method) (i32.const 3)) (i32.eq (local.get $method) (i32.const 4)))
        (then (call $must (memory.grow $second (i32.const 320)))))
      (call $set
        (local.get $outparam)
        (i32.const 0) (call $new-response (call $new-fields))
        (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))

    (func $must (param $grown i32)
      (if (i32.eq (local.get $grown) (i32.const -1)) (then unreachable))))

  (core instance $main (instantiate $main
    (with "host" (instance
      (export "method" (func $method))
      (export "new-fields" (func $new-fields))
      (export "new-response" (func $new-response))
      (export "set" (func $set))))
    (with "first" (instance $first))))

  (func $handle
    (param "request" (own $incoming-request))
    (param "response-out" (own $response-outparam))
    (canon lift (core func $main "handle")))
  (instance $handler (export "handle" (func $handle)))
  (export "wasi:http/incoming-handler@0.2.0" (instance $handler)))
