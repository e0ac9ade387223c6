package io.satchel.resources;

import java.text.MessageFormat;
import java.util.Locale;
import java.util.ResourceBundle;

/** The window's sentences, in the reader's language: English, or Simplified Chinese. */
public final class Texts {

  private final ResourceBundle bundle;

  public Texts(Locale locale) {
    bundle =
        ResourceBundle.getBundle(
            "io.satchel.resources.i18n.messages",
            locale.getLanguage().equals("zh") ? Locale.SIMPLIFIED_CHINESE : locale,
            ResourceBundle.Control.getNoFallbackControl(ResourceBundle.Control.FORMAT_PROPERTIES));
  }

  /**
   * The text of {@code key}, with {@code arguments} put in by {@link MessageFormat}.
   *
   * @throws java.util.MissingResourceException if there is no such text: a defect that a test finds
   */
  public String get(String key, Object... arguments) {
    String text = bundle.getString(key);
    return new MessageFormat(text, bundle.getLocale()).format(arguments);
  }

  /** Whether there is a text of {@code key}. */
  public boolean has(String key) {
    return bundle.containsKey(key);
  }

  /** Whether the reader reads Chinese. */
  public boolean chinese() {
    return bundle.getLocale().getLanguage().equals("zh");
  }
}
