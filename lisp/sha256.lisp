;;;; SHA-256 (FIPS 180-4), to tell whether a file is still the one that was approved.

(in-package :hotlisp)

(eval-when (:compile-toplevel :load-toplevel :execute)
  (deftype word () '(unsigned-byte 32))

  (defun fraction-bits (root primes)
    "The first 32 bits of the fractional parts of the ROOTth roots (2 or 3) of the first PRIMES prime numbers, by integer arithmetic."
    (flet ((integer-root (n)
             (loop with low = 0 and high = (ash 1 (1+ (ceiling (integer-length n) root)))
                   while (< (1+ low) high)
                   do (let ((middle (ash (+ low high) -1)))
                        (if (<= (expt middle root) n) (setf low middle) (setf high middle)))
                   finally (return low))))
      (coerce (loop with found = 0
                    for n from 2
                    while (< found primes)
                    when (loop for d from 2 to (isqrt n) never (zerop (mod n d)))
                      collect (progn (incf found) (ldb (byte 32 0) (integer-root (ash n (* 32 root))))))
              '(simple-array word (*))))))

(sb-ext:defglobal **sha-start** (fraction-bits 2 8))
(sb-ext:defglobal **sha-constants** (fraction-bits 3 64))

(defun sha-256 (octets)
  "The digest of OCTETS, in hexadecimal."
  (declare (type (simple-array (unsigned-byte 8) (*)) octets) (optimize speed))
  (let* ((length (length octets))
         (padded (make-array (* 64 (ceiling (+ length 9) 64)) :element-type '(unsigned-byte 8) :initial-element 0))
         (state (copy-seq (the (simple-array word (*)) **sha-start**)))
         (constants **sha-constants**)
         (w (make-array 64 :element-type 'word :initial-element 0)))
    (declare (type (simple-array word (*)) state constants w) (type (simple-array (unsigned-byte 8) (*)) padded) (type (unsigned-byte 50) length))
    (replace padded octets)
    (setf (aref padded length) #x80)
    (loop for index of-type fixnum from 0 below 8
          do (setf (aref padded (- (length padded) index 1)) (ldb (byte 8 (* 8 index)) (* 8 length))))
    (macrolet ((sum (&rest words) `(ldb (byte 32 0) (+ ,@words)))
               (rotated (word &rest counts)
                 ;; Shifting a word that stands twice in 64 bits rotates it.
                 `(let ((twice (logior ,word (ash ,word 32))))
                    (declare (type (unsigned-byte 64) twice))
                    (ldb (byte 32 0) (logxor ,@(loop for count in counts collect `(ash twice ,(- count))))))))
      (loop for block of-type fixnum from 0 below (length padded) by 64
            ;; Every index is below 64, or below the end of PADDED, whose length is a multiple of that.
            do (locally (declare (optimize (safety 0)))
                 (dotimes (i 16)
                   (let ((at (+ block (* 4 i))))
                     (declare (type fixnum at))
                     (setf (aref w i) (logior (ash (aref padded at) 24) (ash (aref padded (+ at 1)) 16)
                                              (ash (aref padded (+ at 2)) 8) (aref padded (+ at 3))))))
                 (loop for i of-type fixnum from 16 below 64
                       for a of-type word = (aref w (- i 15))
                       for b of-type word = (aref w (- i 2))
                       do (setf (aref w i)
                                (sum (aref w (- i 16)) (logxor (rotated a 7 18) (ash a -3))
                                     (aref w (- i 7)) (logxor (rotated b 17 19) (ash b -10)))))
                 (let ((a (aref state 0)) (b (aref state 1)) (c (aref state 2)) (d (aref state 3))
                       (e (aref state 4)) (f (aref state 5)) (g (aref state 6)) (h (aref state 7)))
                   (declare (type word a b c d e f g h))
                   (dotimes (i 64)
                     (let ((first (sum h (rotated e 6 11 25) (logxor (logand e f) (logandc1 e g)) (aref constants i) (aref w i)))
                           (second (sum (rotated a 2 13 22) (logxor (logand a b) (logand a c) (logand b c)))))
                       (declare (type word first second))
                       (setf h g g f f e e (sum d first) d c c b b a a (sum first second))))
                   (macrolet ((add (&rest values)
                                `(setf ,@(loop for value in values for i from 0
                                               append `((aref state ,i) (sum (aref state ,i) ,value))))))
                     (add a b c d e f g h))))))
    (format nil "~(~{~8,'0x~}~)" (coerce state 'list))))
