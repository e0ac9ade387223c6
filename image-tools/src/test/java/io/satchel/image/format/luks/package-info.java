/** Tests of encrypted images. */
@NullMarked
package io.satchel.image.format.luks;

import org.jspecify.annotations.NullMarked;
