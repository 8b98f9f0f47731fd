// Which column of their four the two positions of a code take.
module rce_columns (
  input  logic             clk_i,
  input  rce_pkg::choice_t choice_i,
  input  logic [2:0]       pattern_i,
  output logic [1:0]       low_o,
  output logic [1:0]       high_o
);
  // {second, first} survivor of a pattern.
  function automatic logic [3:0] survivors(input logic [2:0] index);
    case (index)
      3'd0: survivors = {2'd1, 2'd0};
      3'd1: survivors = {2'd2, 2'd0};
      3'd2: survivors = {2'd3, 2'd0};
      3'd3: survivors = {2'd2, 2'd1};
      3'd4: survivors = {2'd3, 2'd1};
      default: survivors = {2'd3, 2'd2};
    endcase
  endfunction

  // Bit 0 of {choice.column, pattern}, bit 1 of {choice.upper, choice.pattern, pattern}.
  function automatic logic [31:0] table_of(input int is_second, input int column_bit);
    logic [3:0] both;
    logic by_pattern;
    for (int i = 0; i < 32; i++) begin
      both = survivors(3'(i));
      by_pattern = both[2*is_second + column_bit];
      if (column_bit == 1) begin
        table_of[i] = i[3] ? by_pattern : i[4];
      end else begin
        case (2'(i / 8))
          rce_pkg::ColumnBothEven: table_of[i] = 1'b0;
          rce_pkg::ColumnBothOdd: table_of[i] = 1'b1;
          rce_pkg::ColumnEvenOdd: table_of[i] = is_second == 1;
          default: table_of[i] = by_pattern;
        endcase
      end
    end
  endfunction

  logic [1:0] bit0, bit1;  // [position]
  lut_pair #(.Table0(table_of(0, 0)), .Table1(table_of(1, 0))) u_bit0 (
    .i_i({choice_i.column, pattern_i}), .o_o(bit0)
  );
  lut_pair #(.Table0(table_of(0, 1)), .Table1(table_of(1, 1))) u_bit1 (
    .i_i({choice_i.upper, choice_i.pattern, pattern_i}), .o_o(bit1)
  );
  always_ff @(posedge clk_i) begin
    low_o <= {bit1[0], bit0[0]};
    high_o <= {bit1[1], bit0[1]};
  end

  logic unused;
  assign unused = ^{choice_i.two_bit, choice_i.base};  // digits; where the block lies
endmodule
