/** Which hardware suits which system: the presets of the resources. */
@NullMarked
package io.satchel.app.preset;

import org.jspecify.annotations.NullMarked;
