/** The machines that a person keeps: their files, the page that shows them, and what is done. */
@NullMarked
package io.satchel.app.library;

import org.jspecify.annotations.NullMarked;
