package io.satchel.app.common;

import java.util.List;
import java.util.function.Function;
import javafx.collections.FXCollections;
import javafx.scene.control.ComboBox;
import javafx.util.StringConverter;

/** Lists to choose one of. */
public final class Choices {

  private Choices() {}

  /** A list of {@code values}, each shown as {@code text} says. */
  public static <T> ComboBox<T> of(String id, List<T> values, Function<T, String> text) {
    ComboBox<T> combo = new ComboBox<>(FXCollections.observableArrayList(values));
    combo.setId(id);
    combo.setConverter(
        new StringConverter<>() {
          @Override
          public String toString(T value) {
            return value == null ? "" : text.apply(value);
          }

          @Override
          public T fromString(String typed) {
            throw new UnsupportedOperationException("it is chosen from a list");
          }
        });
    return combo;
  }
}
