/** Ciphers of disk sectors, pass phrases, and what turns one into the key of the other. */
@NullMarked
package io.satchel.image.crypt;

import org.jspecify.annotations.NullMarked;
