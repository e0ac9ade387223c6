package io.satchel.app.common;

import javafx.application.ColorScheme;
import javafx.application.Platform;
import javafx.scene.Scene;

/**
 * The window's colours. Both themes are colours for Modena's own names, which every ControlsFX
 * control follows too.
 */
public final class Theme {

  private static final String BASE = sheet("satchel.css");
  private static final String DARK = sheet("dark.css");

  private Theme() {}

  private static String sheet(String name) {
    var found = Theme.class.getResource(name);
    if (found == null) {
      throw new IllegalStateException("the style sheet " + name + " is missing");
    }
    return found.toExternalForm();
  }

  /** Whether {@code choice} is dark now. */
  public static boolean dark(AppSettings.Choice choice) {
    return switch (choice) {
      case LIGHT -> false;
      case DARK -> true;
      case SYSTEM -> Platform.getPreferences().getColorScheme() == ColorScheme.DARK;
    };
  }

  /** Dresses a scene. */
  public static void apply(Scene scene, boolean dark) {
    if (dark) {
      scene.getStylesheets().setAll(BASE, DARK);
    } else {
      scene.getStylesheets().setAll(BASE);
    }
  }
}
