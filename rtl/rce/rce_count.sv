// How many of a segment's digits are negative, as two numbers up to 8: those of codes 0 to 3 and of
// codes 4 to 7. Code c comes c mod 4 cycles later than code 0; the numbers two cycles after code 3.
module rce_count (
  input  logic        clk_i,
  input  logic        clear_i,
  input  logic [15:0] negate_i,  // [code][position]
  output logic [7:0]  count_o
);
  for (genvar k = 0; k < 2; k++) begin : gen_half
    logic [7:0] negate;  // all of the same time
    for (genvar i = 0; i < 4; i++) begin : gen_code
      delay_line #(.Width(2), .Stages(3 - i)) u_delay (
        .clk_i, .clear_i, .data_i(negate_i[8*k+2*i +: 2]), .data_o(negate[2*i +: 2])
      );
    end
    logic [2:0] count_q;  // of the first three codes
    logic [1:0] rest_q;
    always_ff @(posedge clk_i) begin
      count_q <= 3'(negate[0]) + 3'(negate[1]) + 3'(negate[2]) + 3'(negate[3]) + 3'(negate[4])
                 + 3'(negate[5]);
      rest_q <= negate[7:6];
      count_o[4*k +: 4] <= 4'(count_q) + 4'(rest_q[0]) + 4'(rest_q[1]);
    end
  end
endmodule
