;;;; A system definition.

(asdf:defsystem "samples"
  :description "Two files: an \"ordinary\" one and an odd one."
  :version "1.0"
  :depends-on (#:alexandria (:feature :sbcl #:sb-posix))
  :components ((:file "inventory")
               (:file "reader" :depends-on ("inventory"))
               #+ccl (:file "ccl"))
  :in-order-to ((asdf:test-op (asdf:test-op "samples/tests"))))

(asdf:defsystem "samples/tests"
  :depends-on ("samples" #-abcl #:fiveam)
  :perform (asdf:test-op (operation system)
             (declare (ignore operation system))
             (uiop:symbol-call '#:fiveam '#:run! :samples)))
