/** Tests of the VHDX log. */
@NullMarked
package io.satchel.image.format.vhdx;

import org.jspecify.annotations.NullMarked;
