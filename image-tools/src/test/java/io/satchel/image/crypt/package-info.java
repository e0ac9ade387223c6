/** Tests of encrypted images. */
@NullMarked
package io.satchel.image.crypt;

import org.jspecify.annotations.NullMarked;
