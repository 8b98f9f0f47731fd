// The better of two ways to quantise a group: the smaller multiplier if its squared error is lower,
// and if there is one. Parameters stay for eight cycles from phase 0 on; codes of the first beat
// follow 10 cycles later, errors 60, the result 69 cycles later, in phase 5.
module kv4_pick (
  input  logic         clk_i,
  input  logic [2:0]   phase_i,
  input  logic [15:0]  whole_codes_i,
  input  logic [15:0]  less_codes_i,
  input  logic [30:0]  whole_error_i,
  input  logic [30:0]  less_error_i,
  input  logic [3:0]   whole_zero_i,
  input  logic [3:0]   less_zero_i,
  input  logic [3:0]   multiplier_i,
  input  logic [15:0]  scale_i,
  input  logic         is_empty_i,
  input  logic         is_last_i,
  output logic [127:0] codes_o,
  output logic [7:0]   group_o,
  output logic [15:0]  scale_o,
  output logic         last_o
);
  // Parameters at the time of the errors, and a turn later.
  logic [3:0]  whole_zero, less_zero, multiplier;
  logic [15:0] scale, scale_q;
  logic        is_empty, is_empty_q, is_last, is_last_q;
  delay_ring #(.Width(30), .Delay(60), .Style("block")) u_parameters (
    .clk_i, .en_i(1'b1),
    .data_i({whole_zero_i, less_zero_i, multiplier_i, scale_i, is_empty_i, is_last_i}),
    .data_o({whole_zero, less_zero, multiplier, scale, is_empty, is_last})
  );

  // Errors are not negative, so their bits are in order.
  logic       is_less, is_less_q;
  logic [7:0] group, group_q;
  assign is_less = multiplier != 4'd1 && less_error_i < whole_error_i;
  assign group   = is_less ? {less_zero, multiplier - 4'd1} : {whole_zero, multiplier};
  always_ff @(posedge clk_i) begin
    if (phase_i == 3'd4) begin
      is_less_q  <= is_less;
      is_empty_q <= is_empty;
      is_last_q  <= is_last;
      group_q    <= group & {8{!is_empty}};
      scale_q    <= scale;
    end
  end

  // Codes come in the cycle after.
  logic [15:0]  whole_codes, less_codes, codes;
  logic [127:0] codes_q;
  delay_ring #(.Width(32), .Delay(51), .Style("block")) u_codes (
    .clk_i, .en_i(1'b1), .data_i({whole_codes_i, less_codes_i}),
    .data_o({whole_codes, less_codes})
  );
  assign codes = (is_less_q ? less_codes : whole_codes) & {16{!is_empty_q}};
  always_ff @(posedge clk_i) begin
    codes_q <= {codes, codes_q[127:16]};
    // The next group's choice is made while this one's last codes come.
    if (phase_i == 3'd4) {group_o, scale_o, last_o} <= {group_q, scale_q, is_last_q};
  end
  assign codes_o = codes_q;
endmodule
